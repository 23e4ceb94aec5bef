"""What the course costs in time, memory and bytes; `make bench` prints one table."""
