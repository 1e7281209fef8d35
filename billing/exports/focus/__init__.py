"""Costs and usage as FOCUS has them, the open specification of FinOps: 1.2, and 1.4 with its two further datasets.

`charges` turns documents and open months into rows, `columns` says which of a row's figures each version wants,
`datasets` puts them together for a reader of the books, `parquet` is the binary form.
"""
