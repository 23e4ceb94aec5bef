"""Lesson 07: weights and channels taken away, and what becomes faster by it."""
