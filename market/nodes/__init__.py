"""Nodes (L1 VMs), the enrolment of their agents, and whether they are alive."""
