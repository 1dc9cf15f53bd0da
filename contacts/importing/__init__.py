"""Reading contacts from a CSV file, a row at a time, so that one bad row never stops the rest.

`lines` cuts bytes into lines, `records` lines into cells, `columns` reads the header, `rows` checks and
cleans the cells of one row, `store` writes a batch, and `run` puts them together and counts.

A file that was uploaded: `upload` looks at it and keeps it, `check` says what an import would do with each row,
`work` has a worker check and import it, and `forgetting` deletes it.
"""
