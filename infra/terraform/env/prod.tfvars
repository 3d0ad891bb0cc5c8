# Production. Change the address of mails, the link to the runbooks, and issuer, audience and JWKS to those of your
# identity provider (docs/reference/authentication.md).
name               = "whendue"
protect            = true
log_retention_days = 90
monthly_budget_usd = 200
alarm_email        = "operator@example.com"
runbooks_url       = "https://github.com/OWNER/REPOSITORY/blob/main/docs/operations/runbooks"

jwt = {
  algorithm = "RS256"
  issuer    = "https://issuer.example.com/"
  audience  = "whendue"
  jwks_url  = "https://issuer.example.com/.well-known/jwks.json"
}
