"""The event feed, as programs outside the market read it."""
