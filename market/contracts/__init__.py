"""Contracts: how they follow their guests, and how they end."""
