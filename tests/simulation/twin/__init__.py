"""The memory twin of nats-server, as far as Nestex uses it: it speaks the wire protocol, so that the real client talks
to it. `tests/simulation/test_bus_*.py` hold it to the real server."""
