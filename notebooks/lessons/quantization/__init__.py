"""Lesson 08: how few bits carry the answer? Grids, training through them, real int8."""
