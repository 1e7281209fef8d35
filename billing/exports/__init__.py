"""Exports for other programs: costs and usage, the general ledger, payouts, statements.

Every export reads one snapshot of the database and is written as it is read: memory is bounded by a batch, whatever
the number of rows, and the same books give the same bytes.
"""
