"""The list of rows in columns, and the dialog that filters it."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.content import Content

from modechat.tui.screens.list_dialog import matches
from modechat.tui.widgets.hint_text import fitting_hints
from modechat.tui.widgets.row_list import Column, RowList


class ListApp(App[None]):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.drawn = 0
        self.chosen: list[int] = []
        self.list: RowList[int] = RowList(
            (
                Column("Number", self._content),
                Column("Far", lambda _row: Content("far"), width=5, needs=60),
            )
        )

    def _content(self, row: int) -> Content:
        self.drawn += 1
        return Content(f"row {row}")

    def compose(self) -> ComposeResult:
        yield self.list

    def on_mount(self) -> None:
        self.list.show(range(self.count))
        self.list.focus()

    def on_row_list_chosen(self) -> None:
        assert self.list.row is not None
        self.chosen.append(self.list.row)


async def test_keys_move_and_choose() -> None:
    app = ListApp(100)
    async with app.run_test(size=(80, 20)) as pilot:
        for keys, row in (
            ("down", 1),
            ("end", 99),
            ("up", 98),
            ("home", 0),
            ("up", 0),
            ("pagedown", 18),
        ):
            await pilot.press(keys)
            assert app.list.row == row
        await pilot.press("enter")
        assert app.chosen == [18]


async def test_a_click_highlights_and_a_second_one_chooses() -> None:
    app = ListApp(100)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.click(app.list, offset=(3, 5))
        assert (app.list.row, app.chosen) == (4, [])
        await pilot.click(app.list, offset=(3, 5))
        assert app.chosen == [4]
        await pilot.click(app.list, offset=(3, 0))  # the header
        assert app.list.row == 4


async def test_ten_thousand_rows_cost_what_is_seen() -> None:
    app = ListApp(10_000)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("end", "pageup", "down")
        await pilot.pause()
        assert app.list.row == 9982
        assert app.drawn < 1000


async def test_columns_without_room_are_left_out() -> None:
    app = ListApp(3)
    async with app.run_test(size=(80, 20)) as pilot:
        assert "far" in app.list.render_line(1).text
        await pilot.resize_terminal(40, 10)
        assert "far" not in app.list.render_line(1).text


async def test_an_empty_list_takes_every_key() -> None:
    app = ListApp(0)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("down", "up", "end", "home", "pagedown", "enter")
        await pilot.click(app.list, offset=(3, 5))
        assert (app.list.row, app.chosen) == (None, [])


def test_a_filter_wants_every_word_somewhere() -> None:
    assert matches("q4 LLAMA", "Llama-3", "Q4_K_M")
    assert not matches("q8 llama", "Llama-3", "Q4_K_M")
    assert matches("  ", "anything")


def test_the_most_important_hints_stay() -> None:
    assert (
        fitting_hints(["Enter opens", "Del deletes", "Esc closes"], 25)
        == "Enter opens · Esc closes"
    )
    assert fitting_hints(["Enter opens", "Del deletes", "Esc closes", "F1 help"], 40) == (
        "Enter opens · Del deletes · Esc closes"
    )
    assert fitting_hints(["Enter opens", "Del deletes", "Esc"], 20) == "Enter opens · Esc"
    assert fitting_hints(["Enter opens"], 3) == "Enter opens"
    assert fitting_hints(["Enter opens", "日本語"], 19) == "Enter opens"
    assert fitting_hints([], 10) == ""
