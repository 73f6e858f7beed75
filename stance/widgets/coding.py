"""The coding widget: one quote at a time, keys for the labels, undo, progress, the definitions at hand."""

import re
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w
import pandas as pd

from stance.codebook import Codebook, load_codebook
from stance.errors import InputError, StanceError, TableError
from stance.quotes import as_quotes
from stance.widgets.journal import Journal
from stance.widgets.parts import Keys

# What the standard labels are in a codes table.
CODES = {"support": 1, "neither": 0, "oppose": -1}
_NAME = re.compile(r"^[\w\-]{1,60}$")


class Coding(w.VBox):  # type: ignore[misc, unused-ignore]
    """What :func:`stance.code` returns."""

    def __init__(
        self, sample: pd.DataFrame, codebook: "str | Path | Codebook | None", *, coder: str, folder: Path,
        labels: tuple[str, ...], show_speaker: bool,
    ) -> None:  # fmt: skip
        if not _NAME.match(coder):
            raise InputError(f"coder={coder!r} cannot name a file; use letters, digits, '-' and '_'")
        if len(set(labels)) < len(labels) or not 2 <= len(labels) <= 9 or not all(label.strip() for label in labels):
            raise InputError(f"labels={labels!r}: give two to nine distinct words")
        if sample.empty:
            raise TableError("the sample has no rows; there is nothing to code")
        self._book = load_codebook(codebook)
        quotes = as_quotes(sample.drop_duplicates("quote_id") if "quote_id" in sample else sample, origin="the sample")
        self._quotes = quotes
        self._labels, self._show_speaker = labels, show_speaker
        self._tasks = [(str(q), f.name) for q in quotes["quote_id"] for f in self._book.frames]
        self._known = set(self._tasks)
        self._row = {str(q): i for i, q in enumerate(quotes["quote_id"])}
        self.journal = Journal(folder / f"{coder}.csv", coder, self._book.sha256[:16])
        self._skipped: list[tuple[str, str]] = []
        self._widgets()
        super().__init__([self._progress, self._quote, self._ask, self._buttons, self._keys, self._said, self._help])
        self._show()

    def _widgets(self) -> None:
        self._progress = w.IntProgress(min=0, max=len(self._tasks), layout=w.Layout(width="100%", max_width="700px"))
        self._quote, self._ask, self._said = w.HTML(), w.HTML(), w.HTML()
        self._keys = Keys(hint=f"keys: 1–{len(self._labels)} answer, u undo, s skip")
        self._keys.on_key(self.press)
        made = []
        for at, label in enumerate(self._labels, 1):
            made.append(w.Button(description=f"{at} {label}", layout=w.Layout(width="auto")))
            made[-1].on_click(lambda _, label=label: self.answer(label))
        for words, call in (("u undo", self.undo), ("s skip", self.skip)):
            made.append(w.Button(description=words, layout=w.Layout(width="auto")))
            made[-1].on_click(lambda _, call=call: call())
        self._buttons = w.HBox(made, layout=w.Layout(flex_flow="row wrap"))
        self._help = w.HTML(_definitions(self._book))

    # --- what a coder does --------------------------------------------------------------------------

    @property
    def current(self) -> tuple[str, str] | None:
        """The quote and frame that are asked now; None when all are coded. Skipped ones come again at the end."""
        open_ = [task for task in self._tasks if task not in self.journal.answers]
        return min(open_, key=lambda t: self._skipped.index(t) + 1 if t in self._skipped else 0, default=None)

    @property
    def codes(self) -> pd.DataFrame:
        """The answers to this sample so far as a codes table, for :func:`stance.validate` and ``compare(gold=…)``.

        Columns quote_id, frame, coder, label, with the standard labels also code (1 support, 0 neither, -1 oppose),
        and probability where the sample has it.
        """
        table = self.journal.table()
        mine = pd.MultiIndex.from_frame(table[["quote_id", "frame"]]).isin(self._tasks)
        table = table[mine].reset_index(drop=True)
        if set(self._labels) <= set(CODES):
            table["code"] = table["label"].map(CODES).astype("float64")
        if "probability" in self._quotes:
            known = dict(zip(self._quotes["quote_id"].astype("str"), self._quotes["probability"], strict=True))
            table["probability"] = table["quote_id"].map(known)
        return table

    def press(self, key: str) -> None:
        """A key: a label's number, "u" for undo, "s" for skip; others do nothing."""
        if key.isdigit() and 1 <= int(key) <= len(self._labels):
            self.answer(self._labels[int(key) - 1])
        elif key.casefold() == "u":
            self.undo()
        elif key.casefold() == "s":
            self.skip()

    def answer(self, label: str) -> None:
        """Writes the answer to the current question; the next shows only when it is on the disk."""
        if label not in self._labels:
            raise InputError(f"label={label!r} is not one of {', '.join(self._labels)}")
        task = self.current
        if task is None:
            return
        self._write(task, label)

    def undo(self) -> None:
        """Takes the last answer back and asks again."""
        mine = [task for task in self.journal.order if task in self._known]  # not those of an earlier sample
        if mine:
            task = mine[-1]
            self._skipped = [t for t in self._skipped if t != task]
            self._write(task, "")

    def skip(self) -> None:
        """Leaves the question for the end."""
        task = self.current
        if task is not None:
            self._skipped = [t for t in self._skipped if t != task] + [task]
            self._show()

    # --- inside -------------------------------------------------------------------------------------

    def _write(self, task: tuple[str, str], label: str) -> None:
        try:
            self.journal.write(*task, label)
        except StanceError as error:  # a click has no cell to raise in: the coder must see it
            self._said.value = f'<b style="color:#b00020">{escape(str(error))}</b>'
            return
        words = f"“{label}” for {task[1]}" if label else f"taken back: {task[1]}"
        self._show(f"on disk: {words}")

    def _show(self, said: str = "") -> None:
        done = sum(task in self.journal.answers for task in self._tasks)
        self._progress.value = done
        torn = f" · {self.journal.torn} line of the file was cut off and does not count" if self.journal.torn else ""
        words = f"{said} · {done} of {len(self._tasks)} answers · {self.journal.path}{torn}".removeprefix(" · ")
        self._said.value = f"<small>{escape(words)}</small>"
        task = self.current
        if task is None:
            self._quote.value = "<h3>All coded. Thank you.</h3>"
            self._ask.value = f"<p>The answers are in {escape(str(self.journal.path))}.</p>"
            return
        quote = self._quotes.iloc[self._row[task[0]]]
        known: dict[str, Any] = {c: quote[c] for c in ("context", "speaker", "date") if not pd.isna(quote[c])}
        context = ""
        # The paragraph names the speaker, so it is hidden with them.
        if "context" in known and str(known["context"]).strip() != quote["text"] and self._show_speaker:
            context = f"<details><summary>in its paragraph</summary>{escape(str(known['context']))}</details>"
        who = f"<p><b>{escape(str(known.get('speaker', 'speaker not known')))}</b></p>" if self._show_speaker else ""
        self._quote.value = (f'<div class="stance-quote" style="font-size:1.15em;line-height:1.5;max-width:700px;'
                             f'white-space:pre-wrap">{who}“{escape(str(quote["text"]))}”{context}</div>')  # fmt: skip
        frame = next(f for f in self._book.frames if f.name == task[1])
        self._ask.value = (f'<p style="max-width:700px"><b>{escape(frame.name)}</b>: does the quote support it, oppose '
                           f"it, or neither?<br><small>{escape(frame.definition)}</small></p>")  # fmt: skip


def _definitions(book: Codebook) -> str:
    """The codebook for a coder: definitions, what is not meant, examples; no hypotheses, which are the model's."""
    parts = []
    for frame in book.frames:
        excludes = "".join(f"<li>not: {escape(item)}</li>" for item in frame.excludes)
        examples = "".join(f"<li>e.g. “{escape(item)}”</li>" for item in frame.examples)
        parts.append(f"<p><b>{escape(frame.name)}</b>: {escape(frame.definition)}</p><ul>{excludes}{examples}</ul>")
    return f"<details><summary>definitions: {escape(book.title)}</summary>{''.join(parts)}</details>"
