"""Benchmarks: throughput per second and per CPU second, compared with common alternatives."""
