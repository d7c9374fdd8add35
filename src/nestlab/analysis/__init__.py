"""What samples say: medians, losses and their intervals, doubts about them, and comparisons."""
