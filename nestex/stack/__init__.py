"""The embedded stack: PostgreSQL, nats-server and private libvirtds as supervised children, data in one folder."""
