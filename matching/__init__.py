"""The auction of one shard (zone), pure: commands in, events out. No I/O, no clock, no random number, no float."""
