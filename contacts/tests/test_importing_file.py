"""A whole file: its header, its rows, their line numbers."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.importing.problems import FileRefused, Refusal
from contacts.importing.rows import Row
from contacts.importing.run import NumberedRow, read_rows


def read(text: str | bytes) -> list[NumberedRow | Refusal]:
    return list(read_rows(io.BytesIO(text if isinstance(text, bytes) else text.encode())))


# The header


@pytest.mark.parametrize(
    "header",
    ["email,name", "name,email", " EMAIL , Name ", '"email","name"', "\ufeffemail,name", "\n\nemail,name"],
)
def test_columns_in_any_order_and_case(header: str) -> None:
    cells = "Anna,anna@acme.example" if header.startswith("name") else "anna@acme.example,Anna"
    [found] = read(f"{header}\n{cells}\n")
    assert isinstance(found, NumberedRow)
    assert found.row == Row(email="anna@acme.example", name="Anna")


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_semicolons_and_tabs_separate_too(separator: str, quote: str) -> None:
    cells = [("email", "name"), ("a@acme.example", "Berg, Anna"), ("b@acme.example", '""x' if quote else "x")]
    text = "\ufeff" + "".join(separator.join(f"{quote}{cell}{quote}" for cell in row) + "\r\n" for row in cells)
    found = [row for row in read(text) if isinstance(row, NumberedRow)]
    assert [row.row.name for row in found] == ["Berg, Anna", '"x' if quote else "x"]
    [refused] = read(f'email{separator}name\n"a@acme.example"x{separator}y\n')
    assert isinstance(refused, Refusal)
    assert refused.message == f"a quote is closed and no {'tab' if separator == chr(9) else 'semicolon'} follows"


def test_a_row_and_a_refusal_keep_the_line_as_it_was() -> None:
    found = read(
        b'email,name,email_type\r\na@acme.example,"Anna\r\nBerg",\r\nb@acme.example,Ren\xe9,\r\nc@acme.example,Cleo,x\r\n'
        b'd@acme.example,"Dora,\r\ne@acme.example,Eva,\r\nf,F\0,' + b"\r\n" + b"x" * 70_000
    )
    assert [row.text for row in found] == [
        'a@acme.example,"Anna\nBerg",',
        "b@acme.example,Ren\ufffd,",
        "c@acme.example,Cleo,x",
        'd@acme.example,"Dora,',
        "e@acme.example,Eva,",
        "f,F\ufffd,",
        "x" * 1000 + "…",
    ]


def test_reading_goes_on_at_any_row_that_was_read_before() -> None:
    text = (
        'email,context\na@acme.example,"x\ny"\n\nb@acme.example,"z\nc@acme.example,c\nd@acme.example,"d"\n'
        'e@acme.example\n"f@acme.example",f\n'
    )
    whole = read(text)
    for place, row in enumerate(whole):
        assert list(read_rows(io.BytesIO(text.encode()), start=row.line)) == whole[place:]
    assert len(whole) == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The file is empty. Its first line must name the columns. Known columns: email, name,"),
        ("\ufeff\n \n", "The file is empty."),
        ("email,first_name,Firma\n", "Unknown column: 'first_name', 'firma'. Known columns: email, name,"),
        ("email,name,\n", "Unknown column: one without a name."),
        ("email,name,Email\n", "Column given more than once: 'email'."),
        ("name,phone_number\n", "There is no column email."),
        ("email;name;Firma\n", "Unknown column: 'firma'."),
        ("email|name\n", "The columns are separated by vertical bars. Save the file with commas"),
        ("anna@acme.example,Anna\n", "Unknown column: 'anna@acme.example', 'anna'."),
        ('email,"first name\nx,y\n', "Unknown column: 'first name'."),
        (b"email,\xe9\n", "The header on line 1 cannot be read: not UTF-8 text (byte 0xE9 at column 7)"),
        (b"email,na\0me\n", "The header on line 1 cannot be read: a NUL byte"),
        (b"\xff\xfee\0m\0a\0i\0l\0\n\0", "The file is UTF-16."),
        ("email," + "x" * 70_000, "The header on line 1 cannot be read: the line is longer than 65,536 bytes"),
        ("email,\x1b[31mred\n", r"Unknown column: '\x1b[31mred'"),
        (",".join(f"c{number}" for number in range(30)), "'c9' and 20 more."),
    ],
)
def test_files_that_are_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(FileRefused) as error:
        read(text)
    assert message in str(error.value)


def test_a_header_alone_is_a_file_without_rows() -> None:
    assert read("email,name\n") == []


# Rows and their lines


def test_rows_know_their_line_and_one_bad_row_does_not_stop_the_rest() -> None:
    found = read(
        b"email,name\r\n"
        b"a@acme.example,Anna\r\n"
        b"\r\n"
        b'b@acme.example,"Bea\r\nBerg"\r\n'
        b"c@acme.example\r\n"
        b"d@acme.example,Ren\xe9\r\n"
        b" , \r\n"
        b",\r\n"
        b"e@acme.example,Eva,extra\r\n"
        b"f@acme.example,Finn\r\n"
    )
    assert found == [
        NumberedRow(2, Row(email="a@acme.example", name="Anna")),
        NumberedRow(4, Row(email="b@acme.example", name="Bea\nBerg")),
        Refusal(6, "1 cell, but the header has 2"),
        Refusal(7, "not UTF-8 text (byte 0xE9 at column 19); save the file as UTF-8"),
        Refusal(10, "3 cells, but the header has 2"),
        NumberedRow(11, Row(email="f@acme.example", name="Finn")),
    ]


def names(text: str) -> list[str | int | None]:
    """Names of the rows; the line numbers of those that are refused."""
    return [found.line if isinstance(found, Refusal) else found.row.name for found in read(text)]


def test_an_unclosed_quote_in_the_address_does_not_swallow_the_rows_up_to_another() -> None:
    assert names('email,name\n"a@acme.example,Anna\nb@acme.example,Bea\nc@acme.example",Cleo\n') == [2, "Bea", "Cleo"]


def test_an_unclosed_quote_in_the_name_does_not_swallow_the_rows_up_to_another() -> None:
    rows = "".join(f"b{number}@acme.example,Bea {number}\n" for number in range(20))
    found = names(f'email,name\na@acme.example,"Anna\n{rows}c@acme.example,Cleo"\n')
    assert found == [2, *[f"Bea {number}" for number in range(20)], 'Cleo"']


def test_an_unclosed_quote_that_changes_the_number_of_cells() -> None:
    text = 'name,email,context\n"Anna,a@acme.example,x\nBea,b@acme.example,"y"\nCleo,c@acme.example,z\n'
    assert names(text) == [2, "Bea", "Cleo"]


def test_an_unclosed_quote_at_the_end_of_the_file() -> None:
    assert names('email,name\na@acme.example,Anna\nb@acme.example,"Bea\nc@acme.example,Cleo') == ["Anna", 3, "Cleo"]


def test_a_context_of_many_lines_that_is_too_long_is_one_refused_row() -> None:
    context = ("x" * 999 + "\n") * 11
    found = read(f'email,context\na@acme.example,"{context}"\nb@acme.example,y\n')
    assert found == [
        Refusal(2, "context: 10,999 characters, at most 10,000 fit"),
        NumberedRow(14, Row(email="b@acme.example", context="y")),
    ]


def test_a_cell_of_a_megabyte() -> None:
    found = read(f"email,name\na@acme.example,{'x' * 1_000_000}\nb@acme.example,Bea\n")
    assert isinstance(found[0], Refusal)
    assert found[0].line == 2
    assert found[0].message.startswith("the line is longer than 65,536 bytes")
    assert found[1:] == [NumberedRow(3, Row(email="b@acme.example", name="Bea"))]


@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_refusals(data: bytes) -> None:
    for found in read(b"email,name\n" + data):
        assert found.line >= 2
        assert isinstance(found, Refusal) or found.row.email or found.row.name


@given(st.lists(st.text(alphabet='ab@.,"\n\r ', max_size=20), max_size=12))
def test_a_row_after_any_text_and_enough_lines_is_read(texts: list[str]) -> None:
    """Whatever quotes stand before it, a good row a hundred lines later is not lost."""
    good = "".join(f"x{number}@acme.example,Name {number}\n" for number in range(100))
    found = read("email,name\n" + "\n".join(texts) + "\n" + good)
    assert isinstance(found[-1], NumberedRow)
    assert found[-1].row == Row(email="x99@acme.example", name="Name 99")
