"""What compute will and won't reach: dates, growth, shares of data, claims, learning curves."""
