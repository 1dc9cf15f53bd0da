"""Bytes into lines and lines into records, whatever the bytes are."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from contacts.importing.lines import MAX_BYTES, Line, read_lines
from contacts.importing.problems import FileRefused, Refusal
from contacts.importing.records import MAX_LINES, RecordReader


class Slow(io.BytesIO):
    """Gives one byte at a time, as a pipe may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 1, 1))


def lines(data: bytes, stream: type[io.BytesIO] = io.BytesIO) -> list[tuple[int, str]]:
    return [(line.number, line.problem or line.text) for line in read_lines(stream(data))]


def records(data: bytes) -> list[list[str] | tuple[int, str]]:
    return [
        (read.line, read.message) if isinstance(read, Refusal) else read.cells
        for read in RecordReader(read_lines(io.BytesIO(data)))
    ]


@pytest.mark.parametrize("stream", [io.BytesIO, Slow])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [True, False])
def test_every_kind_of_line_end(stream: type[io.BytesIO], end: bytes, last: bool) -> None:
    data = b"a,b" + end + b"" + end + "Zoë,ñ".encode() + (end if last else b"")
    assert lines(data, stream) == [(1, "a,b\n"), (2, "\n"), (3, "Zoë,ñ\n")]


@pytest.mark.parametrize("stream", [io.BytesIO, Slow])
def test_line_ends_may_be_mixed(stream: type[io.BytesIO]) -> None:
    assert lines(b"a\rb\r\nc\nd", stream) == [(1, "a\n"), (2, "b\n"), (3, "c\n"), (4, "d\n")]


@pytest.mark.parametrize("before", range(MAX_BYTES - 3, MAX_BYTES + 1))
def test_crlf_across_two_chunks_is_one_line_end(before: int) -> None:
    data = b"x\n" + b"y" * (before - 2) + b"\r\nz"
    assert [(number, len(text)) for number, text in lines(data)] == [(1, 2), (2, before - 1), (3, 2)]


def test_no_bytes_no_lines() -> None:
    assert lines(b"") == []


def test_a_byte_order_mark_is_dropped_from_the_first_line_only() -> None:
    assert lines(b"\xef\xbb\xbfemail\n\xef\xbb\xbfa") == [(1, "email\n"), (2, "\ufeffa\n")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_refused(encoding: str) -> None:
    with pytest.raises(FileRefused, match="UTF-16"):
        lines("email,name\na@acme.example,Zoë\n".encode(encoding))


def test_a_line_that_is_not_utf_8_says_where() -> None:
    data = "email\nZoë,".encode() + b"Ren\xe9\nok\n"
    message = "not UTF-8 text (byte 0xE9 at column 8); save the file as UTF-8"
    assert lines(data) == [(1, "email\n"), (2, message), (3, "ok\n")]


@pytest.mark.parametrize("bad", [b"\xed\xb2\x80", b"\xc3", b"\xf8\x88\x80\x80\x80", b"\xc0\x80"])
def test_surrogates_and_other_tricks_are_not_utf_8(bad: bytes) -> None:
    assert "not UTF-8" in lines(b"x" + bad)[0][1]


def test_a_nul_byte() -> None:
    assert lines(b"email\na\x00b\nc")[1:] == [(2, "a NUL byte, which is not text"), (3, "c\n")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""])
@pytest.mark.parametrize("size", [MAX_BYTES + 1, 2 * MAX_BYTES - 1, 2 * MAX_BYTES, 1_000_000])
def test_a_long_line_is_one_refused_line(size: int, end: bytes) -> None:
    found = lines(b"a\n" + b"x" * size + end + (b"b" if end else b""))
    assert found[0] == (1, "a\n")
    assert found[1][0] == 2
    assert found[1][1].startswith("the line is longer than 65,536 bytes")
    assert found[2:] == ([(3, "b\n")] if end else [])


def test_a_long_line_out_of_a_slow_pipe() -> None:
    found = lines(b"x" * (MAX_BYTES + 100) + b"\r\nb", Slow)
    assert [number for number, _ in found] == [1, 2]
    assert found[1] == (2, "b\n")


def test_a_line_of_any_length_takes_little_memory() -> None:
    class Endless(io.BytesIO):
        left = 200_000_000

        def read(self, size: int | None = -1, /) -> bytes:
            size = min(size or 0, self.left)
            self.left -= size
            return b"x" * size

    tracemalloc.start()
    try:
        assert [line.number for line in read_lines(Endless())] == [1]
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_quoted_cells_may_contain_commas_quotes_and_line_breaks() -> None:
    assert records(b'a,"b,""c""\r\nd"\r\ne,f\r\n') == [["a", 'b,"c"\nd'], ["e", "f"]]


def test_blank_lines_are_no_records() -> None:
    assert records(b"\n  \na,b\n\n\nc,d\n\n") == [["a", "b"], ["c", "d"]]


def test_a_quote_inside_an_unquoted_cell_is_text() -> None:
    assert records(b'a"b",c\n') == [['a"b"', "c"]]


def test_an_unclosed_quote_takes_its_own_line_only() -> None:
    assert records(b'a,"b\nc,d\ne,f\n') == [(1, "a quote is opened and not closed"), ["c", "d"], ["e", "f"]]


def test_an_unclosed_quote_that_meets_another_one() -> None:
    found = records(b'a,"b\nc,d\ne,"f"\ng,h\n')
    assert found == [(1, "a quote is closed and no comma follows"), ["c", "d"], ["e", "f"], ["g", "h"]]


def test_a_quote_is_followed_over_fifty_lines_and_no_further() -> None:
    inside = b"x\n" * (MAX_LINES - 1)
    assert records(b'"' + inside + b'y"\nz\n') == [["x\n" * (MAX_LINES - 1) + "y"], ["z"]]
    longer = records(b'"' + b"x\n" + inside + b'y"\nz\n')
    assert longer[0] == (1, "a quote is opened and not closed")
    assert longer[-1] == ["z"]


def test_a_quote_is_not_followed_over_more_bytes_than_a_line_may_have() -> None:
    block = b"x" * 20_000 + b"\n"
    found = records(b'"' + block * 4 + b'"\nz\n')
    assert found[0] == (1, "a quote is opened and not closed")
    assert [len(cells[0]) for cells in found[1:4]] == [20_000] * 3
    assert found[-2:] == [(5, "a quote is opened and not closed"), ["z"]]


def test_a_longest_line_that_nothing_ends() -> None:
    assert [len(cells[0]) for cells in records(b"x" * MAX_BYTES)] == [MAX_BYTES]
    assert records(b'"' + b"x" * (MAX_BYTES - 1)) == [(1, "a quote is opened and not closed")]


def test_a_line_that_is_no_text_ends_the_search_and_is_reported_itself() -> None:
    found = records(b'a,"b\nc\xe9\nd"\n')
    assert found[0] == (1, "a quote is opened and not closed")
    assert found[1] == (2, "not UTF-8 text (byte 0xE9 at column 2); save the file as UTF-8")
    assert found[2] == ['d"']


def test_lines_that_were_taken_back_come_again_in_order() -> None:
    reader = RecordReader(iter([Line(number, f"{number}\n") for number in range(1, 5)]))
    found = iter(reader)
    first = next(found)
    refusal = reader.refuse_first_line([Line(1, "1\n"), Line(8, "8\n"), Line(9, "9\n")], "because")
    assert not isinstance(first, Refusal)
    assert refusal == Refusal(1, "because")
    assert [read.cells for read in found if not isinstance(read, Refusal)] == [["8"], ["9"], ["2"], ["3"], ["4"]]


def test_many_unclosed_quotes_take_little_time() -> None:
    found = records(b'a,"b,c,d\n' * 5_000)
    assert len(found) == 5_000
