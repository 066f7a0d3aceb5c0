"""What a stage learns: its losses, what it trains, how weights start."""
