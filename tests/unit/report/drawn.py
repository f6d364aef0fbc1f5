"""What a figure shows, read from its artists."""

from __future__ import annotations

from matplotlib.colors import to_hex


def bars_of(axes) -> dict[float, tuple[float, float]]:
    """Row → left and right end of its bar."""
    return {
        round(bar.get_y() + bar.get_height() / 2, 6): (bar.get_x(), bar.get_x() + bar.get_width())
        for bar in axes.patches
    }


def ends_of(axes) -> dict[float, float]:
    return {row: right for row, (_, right) in bars_of(axes).items()}


def intervals_of(axes) -> dict[float, tuple[float, float]]:
    return {line.get_ydata()[0]: tuple(line.get_xdata()) for line in axes.get_lines() if line.get_marker() == "|"}


def crosses_of(axes) -> list[float]:
    return [line.get_ydata()[0] for line in axes.get_lines() if line.get_marker() == "x"]


def colours_of(axes) -> list[str]:
    return [to_hex(bar.get_facecolor()) for bar in axes.patches]


def rows_of(axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def words_of(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def legend_of(figure) -> str:
    return "\n".join(text.get_text() for legend in figure.legends for text in legend.get_texts())


def shown_texts(figure):
    """Every text with its box in pixels; ticks beyond the limits exist, but are not drawn."""
    figure.draw_without_rendering()
    texts = [figure._suptitle, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        texts += [*axes.texts, axes.xaxis.label, axes._left_title]
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = sorted(limits)
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        texts += axes.get_legend().get_texts() if axes.get_legend() else []
    return [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text() and text.get_visible()]


def check_layout(figure) -> None:
    """No text is cut off or covers another."""
    boxes = shown_texts(figure)
    width, height = figure.get_size_inches() * figure.dpi
    assert len(boxes) > 5
    for index, (text, box) in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= width, text
        assert 0 <= box.y0 < box.y1 <= height, text
        for other_text, other in boxes[:index]:
            assert not box.padded(-1).overlaps(other.padded(-1)), (text, other_text)
