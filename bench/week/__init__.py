"""A week of a whole market on the fast clock: 20 nodes that sell by themselves, in four ways, to consumers with a daily
pattern. Nothing is measured for its speed here: it is looked at whether everything still holds, and what comes of it.

    python -m bench week --days 7 --speed 300

Real servers, as deployed: PostgreSQL, NATS, market, engine and worker as processes of their own, which talk as always;
the worker is killed again and again. The agents of all nodes share one process (`bench.week.nodes`), each with an
identity, a connection and a file of its own, on guests that are played.
"""
