"""What a monitor wants to know of the market: figures of the database, the bus and the engines, for `GET /metrics`.

Figures are read when they are asked for, so every market process tells the same; nobody's money or orders are told.
"""
