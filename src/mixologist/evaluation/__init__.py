"""How good each system is on each task: metrics with n and interval, and what the mix helped or hurt."""
