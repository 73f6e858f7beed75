"""The explorer: filters, a plot to pick from, and the quotes under it, sorted by score."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from html import escape
from typing import Any

import ipywidgets as w
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stance.errors import InputError
from stance.plotting import footnote, group_style, groups_of, names_of, need
from stance.widgets.parts import Scatter

PAGE = 10  # quotes shown at once
ANY = "any"


class Explorer(w.VBox):  # type: ignore[misc, unused-ignore]
    """What :func:`stance.explore` returns."""

    def __init__(self, scores: pd.DataFrame, *, by: str = "party", frame: str | None = None) -> None:
        need(scores, "quote_id", "text", "frame", "support", by)
        self._scores, self._by = scores, by
        self._frames = list(dict.fromkeys(scores["frame"]))
        if frame is not None and frame not in self._frames:
            raise InputError(f"frame={frame!r} is not in the table; it has {', '.join(self._frames)}")
        self._prepare()
        self._order: NDArray[np.int64] = np.arange(0)
        self._at = 0
        self._still = False
        self._controls(frame or self._frames[0])
        super().__init__([self._bar, self.plot, self._head, self._list, self._foot])
        self._redraw()

    def _prepare(self) -> None:
        """One row a quote, as arrays: a filter is then a comparison, not a table operation."""
        scores, by = self._scores, self._by
        about = scores.drop_duplicates("quote_id").reset_index(drop=True)
        self._about = about
        row_of = pd.Series(about.index, index=about["quote_id"])
        self._row = row_of.loc[scores["quote_id"]].to_numpy()  # the quote's row of each score
        self._measures = [m for m in ("support", "oppose", "stance") if m in scores and scores[m].notna().any()]
        self._values = {}
        for frame in self._frames:
            mine = (scores["frame"] == frame).to_numpy()
            for measure in self._measures:
                column = np.full(len(about), np.nan)
                column[self._row[mine]] = scores.loc[mine, measure].to_numpy(dtype="float64")
                self._values[frame, measure] = column
        groups = groups_of(about, by)
        self._names = names_of(groups)
        place = {name: i for i, name in enumerate(self._names)}
        self._group = groups.map(place).to_numpy(dtype="int64")
        speakers = about["speaker"] if "speaker" in about else pd.Series(None, index=about.index, dtype=object)
        self._speaker = speakers.astype(object).where(speakers.notna(), "").astype("str").to_numpy(dtype=object)
        sure = about["speaker_confidence"] if "speaker_confidence" in about else pd.Series(np.nan, index=about.index)
        # A speaker whom the user gave has no confidence: surer than any.
        self._sure = pd.to_numeric(sure, errors="coerce").fillna(1.0).to_numpy(dtype="float64")
        days = about["date"] if "date" in about else pd.Series(pd.NaT, index=about.index)
        self._day = pd.to_datetime(days).to_numpy(dtype="datetime64[D]")
        self._text = about["text"].str.casefold().to_numpy(dtype=object)

    def _controls(self, frame: str) -> None:
        narrow = w.Layout(width="220px")
        style = {"description_width": "72px"}
        self.frame = w.Dropdown(options=self._frames, value=frame, description="frame", layout=narrow, style=style)
        self.measure = w.Dropdown(options=self._measures, description="measure", layout=narrow, style=style)
        self.groups = w.SelectMultiple(options=self._names, rows=min(4, max(2, len(self._names))),
                                       description=self._by, layout=narrow, style=style)  # fmt: skip
        known = sorted(set(self._speaker) - {""})
        self.speaker = w.Combobox(options=known, placeholder="any, or type a name", description="speaker",
                                  layout=narrow, style=style, continuous_update=False)  # fmt: skip
        self.words = w.Text(placeholder="words in the quote", description="words", layout=narrow, style=style)
        self.confidence = w.FloatSlider(value=0, min=0, max=1, step=0.05, description="speaker ≥",
                                        tooltip="least confidence in the speaker", layout=w.Layout(width="300px"),
                                        style=style, continuous_update=False)  # fmt: skip
        self.since = w.DatePicker(description="from", layout=narrow, style=style)
        self.until = w.DatePicker(description="until", layout=narrow, style=style)
        self.order = w.Dropdown(options=["highest first", "lowest first"], description="sort", layout=narrow,
                                style=style)  # fmt: skip
        self._bar = w.HBox([
            w.VBox([self.frame, self.measure, self.order]), w.VBox([self.groups, self.speaker]),
            w.VBox([self.words, self.since, self.until]), w.VBox([self.confidence]),
        ], layout=w.Layout(flex_flow="row wrap"))  # fmt: skip
        looks = group_style(self._names)
        self.plot = Scatter(looks=[[looks[name].colour, looks[name].marker] for name in self._names])
        self.plot.groups = self._group.astype("uint8").tobytes()
        self.plot.layout = w.Layout(width="100%", max_width="580px")
        self._head, self._list = w.HTML(), w.HTML()
        back, on = (w.Button(description=d, layout=w.Layout(width="110px")) for d in ("← previous", "next →"))
        back.on_click(lambda _: self._turn(-PAGE))
        on.on_click(lambda _: self._turn(PAGE))
        self._foot = w.HBox([back, on])
        for control in (self.groups, self.speaker, self.words, self.confidence, self.since, self.until, self.order):
            control.observe(lambda _: self._refresh(), "value")
        for control in (self.frame, self.measure):
            control.observe(lambda _: self._redraw(), "value")
        self.plot.observe(lambda _: self._refresh(), "box")

    # --- what a user calls --------------------------------------------------------------------------

    @property
    def selection(self) -> pd.DataFrame:
        """The part of the scores table that is selected now, all frames, with its attributes."""
        chosen = np.zeros(len(self._about), dtype=bool)
        chosen[self._order] = True
        out: pd.DataFrame = self._scores[chosen[self._row]].reset_index(drop=True)
        out.attrs = dict(self._scores.attrs)
        return out

    def filter(
        self, *, groups: Sequence[str] | None = None, speaker: str | None = None, words: str | None = None,
        frame: str | None = None, measure: str | None = None, confidence: float | None = None,
        since: date | str | None = None, until: date | str | None = None, box: Sequence[float] | None = None,
    ) -> "Explorer":  # fmt: skip
        """Sets filters in code, all at once; those not named stay.

        Args:
            groups: shown groups; none means all. speaker: a name or part of one. words: a part of the text.
            confidence: the least ``speaker_confidence``. since, until: days, both included.
            box: [x0, x1, y0, y1] in the plot; empty for all.

        Raises:
            InputError: an unknown group, frame or measure, or a day that is not ISO.
        """
        for name, value, known in (
            ("frame", frame, self._frames), ("measure", measure, self._measures),
            *(("groups", group, self._names) for group in groups or ()),
        ):  # fmt: skip
            if value is not None and value not in known:
                raise InputError(f"{name}={value!r} is not in the table; it has {', '.join(known)}")
        try:
            days = [None if d is None else pd.Timestamp(d).date() for d in (since, until)]
        except ValueError as error:
            raise InputError(f"since={since!r}, until={until!r}: write days as YYYY-MM-DD") from error
        with self._one_refresh():
            wanted: list[tuple[Any, Any]] = [
                (self.groups, None if groups is None else tuple(groups)), (self.speaker, speaker), (self.words, words),
                (self.frame, frame), (self.measure, measure), (self.confidence, confidence), (self.since, days[0]),
                (self.until, days[1]),
            ]  # fmt: skip
            for control, value in wanted:
                if value is not None:
                    control.value = value
            if box is not None:
                self.plot.box = list(box)
        self._redraw()
        return self

    # --- inside -------------------------------------------------------------------------------------

    @contextmanager
    def _one_refresh(self) -> Iterator[None]:
        self._still = True
        try:
            yield
        finally:
            self._still = False

    def _axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str], list[float]]:
        """x, y, their labels and the limits: this frame's measure against the next frame's, or its own spread."""
        frame, measure = self.frame.value, self.measure.value
        x = self._values[frame, measure]
        low = -1.0 if measure == "stance" else 0.0
        other = next((f for f in self._frames if f != frame), None)
        if other is not None:
            y, label, bottom = self._values[other, measure], f"{other} ({measure})", low
        else:
            y, label, bottom = self._values[frame, self._measures[-1]], f"{frame} ({self._measures[-1]})", -1.0
        return x, y, [f"{frame} ({measure})", label], [low - 0.03, 1.03, bottom - 0.03, 1.03]

    def _redraw(self) -> None:
        """Another frame or measure: new points."""
        if self._still:
            return
        x, y, labels, limits = self._axes()
        with self.plot.hold_sync():
            self.plot.points = np.column_stack([np.nan_to_num(x), np.nan_to_num(y)]).astype("float32").tobytes()
            self.plot.labels, self.plot.limits = labels, limits
            self._refresh()

    def _mask(self) -> NDArray[np.bool_]:
        mask = np.ones(len(self._about), dtype=bool)
        if self.groups.value:
            mask &= np.isin(self._group, [self._names.index(name) for name in self.groups.value])
        if self.speaker.value.strip():
            wanted = self.speaker.value.strip().casefold()
            names = {s for s in set(self._speaker) if wanted in s.casefold()}
            mask &= np.fromiter((s in names for s in self._speaker), bool, len(mask))
        if self.confidence.value > 0:
            mask &= (self._sure >= self.confidence.value - 1e-9) & (self._speaker != "")
        for day, later in ((self.since.value, True), (self.until.value, False)):
            if day is not None:
                bound = np.datetime64(day)
                mask &= (self._day >= bound) if later else (self._day <= bound)
        if self.words.value.strip():
            wanted = self.words.value.strip().casefold()
            mask &= np.fromiter((wanted in text for text in self._text), bool, len(mask))
        if self.plot.box:
            x0, x1, y0, y1 = self.plot.box
            x, y, *_ = self._axes()
            mask &= (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
        return mask

    def _refresh(self) -> None:
        """Other filters: the same points, another selection."""
        if self._still:
            return
        mask = self._mask()
        value = self._values[self.frame.value, self.measure.value]
        chosen = np.flatnonzero(mask)
        sign = -1 if self.order.value == "highest first" else 1
        # NaN sorts last either way; equal scores keep the table's order.
        self._order = chosen[np.argsort(sign * value[chosen], kind="stable")]
        self._at = 0
        self.plot.mask = mask.astype("uint8").tobytes()
        mean = f", mean {np.nanmean(value[chosen]):.2f}" if len(chosen) and not np.isnan(value[chosen]).all() else ""
        self.plot.summary = f"{len(chosen)} of {len(mask)} quotes selected{mean}; the list below has them"
        self._show()

    def _turn(self, step: int) -> None:
        if 0 <= self._at + step < len(self._order):
            self._at += step
            self._show()

    def _show(self) -> None:
        page = self._order[self._at : self._at + PAGE]
        shown = f"quotes {self._at + 1} to {self._at + len(page)}" if len(page) else "no quotes"
        self._head.value = (f"<b>{len(self._order)} of {len(self._about)} quotes</b>, {escape(shown)}, by "
                            f"{escape(self.measure.value)} of {escape(self.frame.value)}, "
                            f"{escape(self.order.value)}<br>"
                            f"<small>{escape(footnote(self._scores))}</small>")  # fmt: skip
        self._list.value = "".join(self._card(int(row)) for row in page)

    def _card(self, row: int) -> str:
        quote = self._about.iloc[row]
        look = group_style(self._names)[self._names[self._group[row]]]
        known = {str(k): v for k, v in quote.items() if isinstance(v, (str, float, int, pd.Timestamp)) and v == v}
        value = self._values[self.frame.value, self.measure.value][row]
        others = " · ".join(f"{escape(f)} {self._values[f, self.measure.value][row]:.2f}" for f in self._frames)
        about = [escape(str(known[c])) for c in ("source", "kind") if c in known]
        if "date" in known:
            about.insert(0, str(known["date"])[:10])
        if "speaker_confidence" in known:
            about.append(f"confidence in the speaker {float(known['speaker_confidence']):.2f}")
        window = quote.get("window") if len(self._frames) == 1 or self.frame.value == quote["frame"] else None
        context = known.get("context")
        more = (f"<details><summary>in its paragraph</summary>{_marked(str(context), str(quote['text']))}</details>"
                if context and str(context).strip() != quote["text"] else "")  # fmt: skip
        who = escape(self._speaker[row] or "speaker not known")
        return (f'<div class="stance-card" style="border-left:5px solid {look.colour};padding:4px 10px;margin:6px 0;'
                f'line-height:1.4"><b>{value:.2f}</b> {who} · {escape(self._names[self._group[row]])}<br>'
                f"{_highlighted(str(quote['text']), window, self.words.value.strip())}<br>"
                f'<small style="color:#555">{others} · {" · ".join(about)}</small>{more}</div>')  # fmt: skip


def _highlighted(text: str, window: Any, words: str) -> str:
    """The quote, escaped: searched words marked, and the window that gave the score where it is not the whole."""
    spans: list[tuple[int, int, str]] = []
    if words:
        spans = [(*m.span(), "#ffe08a") for m in re.finditer(re.escape(words), text, re.IGNORECASE)]
    elif isinstance(window, (list, tuple, np.ndarray)) and len(window) == 2 and list(window) != [0, len(text)]:
        spans = [(int(window[0]), int(window[1]), "#fdf0cf")]
    out, at = [], 0
    for start, end, colour in spans:
        out += [escape(text[at:start]), f'<mark style="background:{colour}">{escape(text[start:end])}</mark>']
        at = end
    return "".join([*out, escape(text[at:])])


def _marked(context: str, text: str) -> str:
    before, found, after = context.partition(text)
    return f"{escape(before)}<mark>{escape(found)}</mark>{escape(after)}" if found else escape(context)
