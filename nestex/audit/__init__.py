"""`nestex audit`: the journal is played to the auditor and to the book, and what follows from it is compared with the
tables.

What a row must be is put together here from the journal and the auditor's events; of the engine's code it shares the
shapes of commands, and the snapshots, which it looks into. It reads one moment of a market that may be running, and
changes nothing.
"""
