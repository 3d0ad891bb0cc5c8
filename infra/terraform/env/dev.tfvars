# A stack for trying things: cheap to make, and to throw away.
name               = "whendue-dev"
protect            = false
log_retention_days = 7
monthly_budget_usd = 10
api_throttle       = { rate_per_s = 50, burst = 100 }
