"""What every part of Nestex shares: value types, the wire schema, clocks and errors. Standard library only."""
