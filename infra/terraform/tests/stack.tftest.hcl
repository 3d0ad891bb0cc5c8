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

run "a_project" {
  command = plan

  variables {
    build_manifest              = "tests/project.json"
    name                        = "shop"
    environment                 = { WHENDUE_LEASE_S = "60" }
    task_environment            = { SHOP_URL = "https://shop.example" }
    secrets                     = { SHOP_KEY = { ssm = "/shop/key" }, SHOP_DATABASE = { secretsmanager = "shop/database" } }
    worker_reserved_concurrency = 200
    queue_settings              = { low = { batch_size = 1 }, high = { maximum_concurrency = 7 }, notifications = { batch_size = 5 } }
    worker_policy_arns          = { reading = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" }
    vpc                         = { subnet_ids = ["subnet-0a1b"], security_group_ids = ["sg-0a1b"] }
    worker_statements = [
      { Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::shop/*"] },
      { Effect = "Deny", Action = ["s3:GetObject"], Resource = ["*"], Condition = { Bool = { "aws:SecureTransport" = "false" } } },
    ]
  }

  assert {
    condition     = toset(keys(aws_lambda_layer_version.this)) == toset(["core", "dependencies", "project"])
    error_message = "What the project requires is a layer of its own."
  }
  assert {
    condition     = keys(aws_s3_object.layer) == ["project"] && aws_lambda_layer_version.this["project"].filename == null
    error_message = "A layer that is too large for a request is uploaded by way of S3."
  }
  assert {
    condition     = alltrue([for layer in aws_lambda_layer_version.this : layer.compatible_architectures == toset(["x86_64"])])
    error_message = "The functions' processor is that of the build."
  }
  assert {
    condition     = local.project_environment["worker"].WHENDUE_TASKS == "tasks,shop.tasks" && local.project_environment["worker"].SHOP_URL == "https://shop.example"
    error_message = "The worker has the project's tasks and their variables."
  }
  assert {
    condition     = local.project_environment["api"] == { WHENDUE_TASKS = local.project_environment["worker"].WHENDUE_TASKS }
    error_message = "A function that does not import the tasks has their names alone, for the manifest."
  }
  assert {
    condition     = jsondecode(local.project_environment["worker"].WHENDUE_TASK_SECRETS) == { SHOP_KEY = "ssm:/shop/key", SHOP_DATABASE = "secretsmanager:shop/database" }
    error_message = "The worker has the names of the secrets."
  }
  assert {
    condition     = alltrue([for name in ["api", "dead_letter", "notifier", "timer"] : !contains(keys(local.project_environment[name]), "WHENDUE_TASK_SECRETS")])
    error_message = "And no other function has."
  }
  assert {
    condition     = local.resources.task_parameters == ["arn:aws:ssm:us-east-1:${data.aws_caller_identity.this.account_id}:parameter/shop/key"]
    error_message = "Of the parameters exactly those that are named may be read."
  }
  assert {
    condition     = local.resources.task_secrets == ["arn:aws:secretsmanager:us-east-1:${data.aws_caller_identity.this.account_id}:secret:shop/database-??????"]
    error_message = "Of the secrets exactly those that are named may be read."
  }
  assert {
    condition     = local.feeds.worker.low.batch_size == 1 && local.feeds.worker.high.batch_size == 10 && local.feeds.notifier.notifications.batch_size == 5
    error_message = "Each queue has its own batch size."
  }
  assert {
    condition     = local.feeds.worker.high.maximum_concurrency == 7 && local.feeds.worker.low.maximum_concurrency == 50
    error_message = "And its own concurrency."
  }
  assert {
    condition     = local.reserved == { api = -1, dead_letter = -1, notifier = -1, timer = 9, worker = 200 }
    error_message = "Concurrency is reserved for the timer and, on request, for the worker."
  }
}

run "less_concurrency_than_the_queues_use_is_refused" {
  command         = plan
  expect_failures = [terraform_data.reserved]

  variables {
    worker_reserved_concurrency = 199
  }
}

run "without_secrets_no_function_may_read_any" {
  command = plan

  assert {
    condition     = length(local.resources.task_parameters) == 0 && length(local.resources.task_secrets) == 0
    error_message = "No names, no permissions."
  }
  assert {
    condition     = alltrue([for variables in values(local.project_environment) : length(variables) == 0])
    error_message = "And no variable."
  }
}

run "settings_of_tasks_that_cannot_be_are_refused" {
  command         = plan
  expect_failures = [var.secrets, var.queue_settings, var.worker_statements, var.worker_policy_arns, var.vpc]

  variables {
    secrets            = { KEY = { ssm = "/shop/key", secretsmanager = "shop/key" } }
    queue_settings     = { low = { batch_size = 11 } }
    worker_statements  = [{ Effect = "Maybe", Action = ["s3:GetObject"], Resource = ["*"] }]
    worker_policy_arns = { reading = "AmazonS3ReadOnlyAccess" }
    vpc                = { subnet_ids = [], security_group_ids = ["sg-0a1b"] }
  }
}

run "secrets_by_arn_and_unknown_queues_are_refused" {
  command         = plan
  expect_failures = [var.secrets, var.queue_settings]

  variables {
    secrets        = { KEY = { secretsmanager = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-AbCdEf" } }
    queue_settings = { slow = { batch_size = 1 } }
  }
}

run "settings_of_whendue_are_no_variables_of_tasks" {
  command         = plan
  expect_failures = [var.task_environment]

  variables {
    task_environment = { WHENDUE_TABLE = "mine" }
  }
}

run "a_variable_has_one_value" {
  command         = plan
  expect_failures = [var.secrets]

  variables {
    task_environment = { KEY = "value" }
    secrets          = { KEY = { ssm = "/shop/key" } }
  }
}

run "queues_of_ones_own" {
  command = plan

  variables {
    name = "shop"
    own_queues = {
      reports = { timeout_s = 600, memory_mb = 2048, batch_size = 1, maximum_concurrency = 5, weight = 1 }
      quick   = { timeout_s = 20 }
    }
    queue_settings   = { low = { batch_size = 1 } }
    task_environment = { SHOP_URL = "https://shop.example" }
    secrets          = { SHOP_KEY = { ssm = "/shop/key" } }
    lambda_allow     = { "*" = ["arn:aws:lambda:us-east-1:123456789012:function:*"] }
  }

  assert {
    condition     = local.functions["worker-reports"].timeout_s == 600 && local.functions["worker-reports"].memory_mb == 2048 && local.functions["worker-reports"].handler == local.functions["worker"].handler
    error_message = "Each has a worker of its own size, with the worker's code."
  }
  assert {
    condition     = local.feeds["worker-reports"].reports.batch_size == 1 && local.feeds["worker-reports"].reports.maximum_concurrency == 5 && keys(local.feeds["worker-reports"]) == ["reports"]
    error_message = "Which is fed by it alone, as it says."
  }
  assert {
    condition     = toset(keys(local.feeds["worker"])) == toset(local.queues.priorities)
    error_message = "The shared worker is not."
  }
  assert {
    condition     = jsondecode(local.environment.WHENDUE_OWN_QUEUES).quick == { timeout_s = 20, memory_mb = 1024, batch_size = 10, maximum_concurrency = 50, weight = 2, draining = false }
    error_message = "Every function knows the properties, with the topology's defaults."
  }
  assert {
    condition     = toset(keys(jsondecode(local.likely_environment.WHENDUE_QUEUES))) == toset(concat(local.queues.priorities, ["quick", "reports", "notifications"]))
    error_message = "And the addresses."
  }
  assert {
    condition     = length(local.resources.jobs) == 6
    error_message = "Functions may send to them as to the others."
  }
  assert {
    condition     = local.project_environment["worker-reports"] == local.project_environment["worker"]
    error_message = "Their workers have the project's variables and secrets."
  }
  assert {
    condition     = contains(local.own_functions, "shop-worker-reports") && length(local.denied.invoked) == 2 * 7
    error_message = "No job may invoke them."
  }
  assert {
    condition     = length([for name in keys(module.observability[0].alarms) : name if endswith(name, "-reports")]) == 3
    error_message = "Each has alarms of its own."
  }
  assert {
    condition     = endswith(module.observability[0].alarms["queue-late-reports"], "Runbook: docs/operations/runbooks/queue-late.md")
    error_message = "With the runbook of their kind."
  }
}

run "queues_of_ones_own_that_cannot_be_are_refused" {
  command         = plan
  expect_failures = [var.own_queues]

  variables {
    own_queues = { low = { timeout_s = 60 } }
  }
}

run "workers_of_queues_that_lambda_does_not_know_are_refused" {
  command         = plan
  expect_failures = [var.own_queues]

  variables {
    own_queues = { a = { timeout_s = 901 }, b = { timeout_s = 60, memory_mb = 64 } }
  }
}
