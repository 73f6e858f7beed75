"""The coding widget's file: a CSV that is only ever appended to, each line forced to disk.

Columns quote_id, frame, coder, label, at (UTC) and codebook (the first 16 digits of its hash). The last line of a quote
and frame counts; an empty label takes an answer back. A line that was cut off by a crash is left out and counted.
"""

import csv
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from stance.errors import ReadError

COLUMNS = ("quote_id", "frame", "coder", "label", "at", "codebook")


class Journal:
    """One coder's answers.

    Attributes:
        path: the file; made with its first answer.
        torn: lines left out since they were cut off.
    """

    def __init__(self, path: Path, coder: str, codebook: str) -> None:
        self.path, self.coder, self.codebook = path, coder, codebook
        self.torn = 0
        self.answers: dict[tuple[str, str], str] = {}
        self.order: list[tuple[str, str]] = []  # what undo takes back, the last first
        if path.exists():
            self._read()

    def _read(self) -> None:
        try:
            content = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ReadError(f"{self.path}: cannot be read as UTF-8 text ({error}); name another coder") from error
        rows = list(csv.reader(io.StringIO(content)))
        if not rows:
            return
        if tuple(rows[0]) != COLUMNS:
            raise ReadError(f"{self.path}: is not a coding file (columns: {', '.join(rows[0])}); name another coder")
        whole = content.endswith("\n")
        for at, row in enumerate(rows[1:], 2):
            if len(row) != len(COLUMNS) or (at == len(rows) and not whole):
                self.torn += 1
                continue
            quote, frame, _, label, _, book = row
            if len(book) < len(self.codebook) and self.codebook.startswith(book):  # cut off inside the hash
                self.torn += 1
                continue
            if book != self.codebook:
                raise ReadError(f"{self.path}: was coded with another codebook ({book}…, not {self.codebook}…); name "
                                "another coder or folder, or restore the codebook")  # fmt: skip
            self._take(quote, frame, label)
        if not whole:  # so that the next answer begins a line of its own
            self._append("\n")

    def _take(self, quote: str, frame: str, label: str) -> None:
        key = (quote, frame)
        if key in self.order:
            self.order.remove(key)
        if label:
            self.answers[key] = label
            self.order.append(key)
        else:
            self.answers.pop(key, None)

    def write(self, quote: str, frame: str, label: str) -> None:
        """Appends one answer and returns when it is on the disk; an empty label takes the answer back.

        Raises:
            ReadError: the file cannot be written.
        """
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        if not self.path.exists() or self.path.stat().st_size == 0:
            writer.writerow(COLUMNS)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        writer.writerow([quote, frame, self.coder, label, now, self.codebook])
        self._append(("" if self._whole() else "\n") + lines.getvalue())
        self._take(quote, frame, label)

    def _whole(self) -> bool:
        """Whether the file ends with a line; not where the disk was full in the middle of one."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return True
        with open(self.path, "rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) == b"\n"

    def _append(self, text: str) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a", encoding="utf-8", newline="") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise ReadError(f"{self.path}: the answer could not be written ({error.strerror}); free some space or "
                            "choose another folder, and answer again") from error  # fmt: skip

    def table(self) -> pd.DataFrame:
        """The answers that count: quote_id, frame, coder, label."""
        rows = [(quote, frame, self.coder, label) for (quote, frame), label in self.answers.items()]
        return pd.DataFrame(rows, columns=["quote_id", "frame", "coder", "label"])
