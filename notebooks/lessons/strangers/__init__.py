"""Lesson 13: strangers: another net, other senses, other data."""
