# The plan of a whole stack keeps what the topology says, and mistakes in variables are refused.

variables {
  build_manifest = "tests/manifest.json"
}

run "defaults" {
  command = plan

  assert {
    condition     = output.queues != null && toset(keys(module.function)) == toset(keys(local.topology.functions))
    error_message = "Every function of the topology is made, and no other."
  }
  assert {
    condition     = local.environment.WHENDUE_MAX_TIMEOUT_S == "897"
    error_message = "An attempt has the worker's 15 minutes, but for what it takes to record it."
  }
  assert {
    condition     = toset(keys(local.permissions)) == toset(keys(local.topology.functions))
    error_message = "Every function has its permissions."
  }
  assert {
    condition     = alltrue([for actions in values(local.permissions) : length(setsubtract(keys(actions), keys(local.resources))) == 0])
    error_message = "Permissions name resources that there are."
  }
  assert {
    condition     = toset(keys(module.observability[0].alarms)) == toset(keys(local.topology.alarms))
    error_message = "Every alarm of the topology is made, and no other."
  }
  assert {
    condition     = alltrue([for name, text in module.observability[0].alarms : endswith(text, "Runbook: docs/operations/runbooks/${name}.md")])
    error_message = "An alarm says where its runbook is."
  }
  assert {
    condition     = alltrue([for function in values(module.function) : function.qualifier == null])
    error_message = "Without SnapStart functions are called by their own names."
  }
  assert {
    condition     = length(aws_budgets_budget.this) == 0
    error_message = "No budget unless one is asked for."
  }
  assert {
    condition     = output.secret_parameter == "/whendue/secret"
    error_message = "The deployment's secret is in the parameter store, under the stack's name."
  }
  assert {
    condition     = alltrue([for actions in values(local.permissions) : actions.secret == ["ssm:GetParameter"]])
    error_message = "Every function may read the deployment's secret."
  }
  assert {
    condition     = output.jwt_secret_parameter == "/whendue/jwt-secret"
    error_message = "The secret of HS256 is in the parameter store, under the stack's name."
  }
}

run "production" {
  command = plan

  variables {
    name               = "prod"
    alarm_email        = "operator@example.com"
    monthly_budget_usd = 100
    tracing            = true
    kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    domain             = { name = "jobs.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
    jwt                = { algorithm = "RS256", issuer = "i", audience = "a", jwks_url = "https://issuer.example/jwks" }
  }

  assert {
    condition     = output.api_url == "https://jobs.example.com"
    error_message = "With a domain of its own, that is the API's address."
  }
  assert {
    condition     = output.jwt_secret_parameter == null
    error_message = "With public keys there is no secret."
  }
  assert {
    condition     = one(aws_budgets_budget.this[0].cost_filter).values == tolist(["user:stack$prod"])
    error_message = "The budget counts this stack, by its tag."
  }
}

run "from_snapshots" {
  command = plan

  variables {
    snap_start = true
  }

  assert {
    condition     = alltrue([for function in values(module.function) : function.qualifier == "live"])
    error_message = "Every function is called by its alias."
  }
}

run "from_snapshots_behind_a_rest_api" {
  command = plan

  variables {
    snap_start = true
    api_flavor = "rest"
    timer      = { by = "rule" }
  }
}

run "rest" {
  command = plan

  variables {
    api_flavor = "rest"
    timer      = { by = "rule" }
  }
}

run "emulator" {
  command = plan

  variables {
    emulator         = true
    visibility_s     = 8
    observability    = false
    bucket_lifecycle = false
  }

  assert {
    condition     = output.alarm_topic_arn == null
    error_message = "Without observability there is no topic."
  }
}

run "the_worker_s_size_is_a_variable" {
  command = plan

  variables {
    worker_timeout_s   = 120
    worker_memory_mb   = 2048
    worker_concurrency = 7
    visibility_s       = 720
  }

  assert {
    condition     = local.functions["worker"].timeout_s == 120 && local.functions["worker"].memory_mb == 2048
    error_message = "The worker is as large as asked for."
  }
  assert {
    condition     = local.functions["notifier"].timeout_s == local.topology.functions.notifier.timeout_s
    error_message = "No other function is."
  }
  assert {
    condition     = local.triggers["worker"].maximum_concurrency == 7 && local.triggers["notifier"].maximum_concurrency == 50
    error_message = "As many workers run at once as asked for."
  }
  assert {
    condition     = local.environment.WHENDUE_MAX_TIMEOUT_S == "117"
    error_message = "The API refuses what that worker cannot keep."
  }
}

run "workers_that_lambda_does_not_know_are_refused" {
  command         = plan
  expect_failures = [var.worker_timeout_s, var.worker_memory_mb, var.worker_concurrency]

  variables {
    worker_timeout_s   = 901
    worker_memory_mb   = 64
    worker_concurrency = 1
  }
}

run "workers_too_short_for_anything_are_refused" {
  command         = plan
  expect_failures = [var.worker_timeout_s, var.worker_memory_mb, var.worker_concurrency]

  variables {
    worker_timeout_s   = 9
    worker_memory_mb   = 10241
    worker_concurrency = 2.5
  }
}

run "a_short_visibility_is_refused" {
  command         = plan
  expect_failures = [terraform_data.visibility]

  variables {
    visibility_s = 5399
  }
}

run "a_secret_in_the_environment_is_refused" {
  command         = plan
  expect_failures = [var.environment]

  variables {
    environment = { WHENDUE_JWT_SECRET = "not here" }
  }
}

run "the_deployments_secret_in_the_environment_is_refused" {
  command         = plan
  expect_failures = [var.environment]

  variables {
    environment = { WHENDUE_SECRET = "not here" }
  }
}

run "a_parameter_without_its_full_name_is_refused" {
  command         = plan
  expect_failures = [var.secret_parameter]

  variables {
    secret_parameter = "secret"
  }
}

run "keys_by_http_are_refused" {
  command         = plan
  expect_failures = [var.jwt]

  variables {
    jwt = { algorithm = "RS256", jwks_url = "http://issuer.example/jwks" }
  }
}

run "a_budget_that_tells_nobody_is_refused" {
  command         = plan
  expect_failures = [var.monthly_budget_usd]

  variables {
    monthly_budget_usd = 10
    observability      = false
  }
}

run "unknown_words_are_refused" {
  command         = plan
  expect_failures = [var.api_flavor, var.timer, var.architecture, var.name]

  variables {
    api_flavor   = "soap"
    timer        = { by = "cron" }
    architecture = "mips"
    name         = "-"
  }
}

run "patterns_that_iam_does_not_know_are_refused" {
  command         = plan
  expect_failures = [var.lambda_allow, var.sns_allow]

  variables {
    lambda_allow = { acme = ["report-*"] }
    sns_allow    = { acme = ["arn:aws:sns:us-east-1:123456789012:[ab]"] }
  }
}

run "what_tenants_may_reach" {
  command = plan

  variables {
    email = {
      identity_arns = ["arn:aws:ses:us-east-1:123456789012:identity/acme.example"]
      senders       = { acme = ["acme.example"] }
      recipients    = { "*" = ["*"] }
    }
    lambda_allow = { acme = ["arn:aws:lambda:us-east-1:123456789012:function:*"] }
    sns_allow    = { acme = ["arn:aws:sns:us-east-1:123456789012:*"] }
  }

  assert {
    condition     = local.environment.WHENDUE_LAMBDA_ALLOW == jsonencode({ acme = ["arn:aws:lambda:us-east-1:123456789012:function:*"] })
    error_message = "The functions read the list by tenant."
  }
  assert {
    condition     = local.environment.WHENDUE_EMAIL_SENDERS == jsonencode({ acme = ["acme.example"] })
    error_message = "The functions read the senders by tenant."
  }
  assert {
    condition     = toset(split(",", local.environment.WHENDUE_OWN_FUNCTIONS)) == toset(values(output.functions))
    error_message = "The functions know the names of all of the stack's own."
  }
  assert {
    condition = alltrue([
      for name in values(output.functions) : contains(local.denied.invoked, "arn:aws:lambda:us-east-1:${data.aws_caller_identity.this.account_id}:function:${name}")
    ])
    error_message = "The worker's role may invoke none of the stack's own."
  }
  assert {
    condition     = local.environment.WHENDUE_OWN_TOPICS == "whendue-alarms" && module.observability[0].topic_name == "whendue-alarms"
    error_message = "No subscription publishes to the alarms' topic."
  }
}

run "own_functions_are_denied_to_the_worker_alone" {
  command = plan

  variables {
    lambda_allow = { "*" = ["arn:aws:lambda:us-east-1:123456789012:function:report-*"] }
  }

  assert {
    condition     = { for name, denials in local.denials : name => length(denials) if length(denials) > 0 } == { worker = 1 }
    error_message = "Nobody else may invoke functions at all."
  }
}

run "entries_that_fit_no_mail_are_refused" {
  command         = plan
  expect_failures = [var.email]

  variables {
    email = {
      from          = "jobs@acme.example"
      identity_arns = ["arn:aws:ses:us-east-1:123456789012:identity/acme.example"]
      recipients    = { acme = ["*@acme.example"] }
    }
  }
}

run "senders_without_an_identity_are_refused" {
  command         = plan
  expect_failures = [var.email]

  variables {
    email = { senders = { acme = ["acme.example"] } }
  }
}
