"""Bootable images: how one is described, where a node finds it, and how ours are built."""
