"""A second, slow reading of the auction's rules, which shares nothing with the book but commands and events.

What is here is written to be obviously right: every ask is a list with an entry for every minute, and every command
looks at every order. The book is compared with it, on random commands in the tests and on a market's journal.
"""
