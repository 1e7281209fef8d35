"""What can be raced: one module each, with `prepare(size)`, which makes a round ready and gives what runs it.

`prepare` is not timed, the function is. It gives what was traded, so that contestants of one rule can be compared. What
an engine takes as its input (commands, order objects) is made by `prepare`, for every engine alike; what the engine
makes itself is inside the clock, and so is whatever it does to tell its trades.
"""
