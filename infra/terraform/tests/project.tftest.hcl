# What a project hands to the module, and what Lambda would refuse of it.

run "what_the_same_plan_makes_can_be_handed_over" {
  command = plan

  module {
    source = "./tests/embedded"
  }

  assert {
    condition     = length(output.functions) == 5
    error_message = "Its ARNs and ids are not known yet."
  }
}

run "an_empty_variable_of_a_task_is_kept" {
  command = plan

  variables {
    build_manifest   = "tests/project.json"
    environment      = { WHENDUE_HTTP_ALLOW = "" }
    task_environment = { SHOP_PREFIX = "" }
  }

  assert {
    condition     = local.function_environment["worker"].SHOP_PREFIX == "" && local.function_environment["api"].WHENDUE_HTTP_ALLOW == ""
    error_message = "A task sees what whendue.toml says, as in whendue dev."
  }
  assert {
    condition     = local.function_environment["worker"].WHENDUE_EMAIL_FROM == null
    error_message = "A setting of the module that is not set is no variable."
  }
}

run "names_of_variables_that_lambda_does_not_take_are_refused" {
  command         = plan
  expect_failures = [var.environment, var.task_environment]

  variables {
    build_manifest   = "tests/project.json"
    environment      = { "WHENDUE_HTTP-ALLOW" = "x" }
    task_environment = { X = "one letter" }
  }
}

run "names_of_lambda_s_own_variables_are_refused" {
  command         = plan
  expect_failures = [var.secrets]

  variables {
    build_manifest = "tests/project.json"
    secrets        = { LAMBDA_TASK_ROOT = { ssm = "/shop/key" } }
  }
}

run "variables_as_large_as_lambda_takes" {
  command = plan

  variables {
    build_manifest   = "tests/project.json"
    task_environment = { TEXT = format("%03054d", 0) }
  }

  assert {
    condition     = local.environment_bytes["worker"] == 4096 && local.environment_bytes["api"] < 4096
    error_message = "4 KB fit, and only the functions that import the tasks have their variables."
  }
}

run "larger_variables_are_refused" {
  command         = plan
  expect_failures = [terraform_data.environment]

  variables {
    build_manifest   = "tests/project.json"
    task_environment = { TEXT = format("%03055d", 0) }
  }
}

run "long_names_of_secrets_count" {
  command         = plan
  expect_failures = [terraform_data.environment]

  variables {
    build_manifest = "tests/project.json"
    secrets        = { for number in range(30) : "KEY_${number}" => { ssm = "/${format("%0100d", 0)}" } }
  }
}

run "variables_are_measured_in_bytes_as_json" {
  command = plan

  variables {
    build_manifest   = "tests/project.json"
    task_environment = { TEXT = "é<>&\"" }
  }

  assert {
    condition     = length(local.environment_json["worker"]) + 1 == local.environment_bytes["worker"] && strcontains(local.environment_json["worker"], "\"é<>&\\\"\"")
    error_message = "Two bytes for é, and no escapes but those of JSON."
  }
}

run "a_build_for_another_processor_is_refused" {
  command         = plan
  expect_failures = [terraform_data.architecture]

  variables {
    build_manifest = "tests/project.json"
    architecture   = "arm64"
  }
}

run "a_build_for_this_processor" {
  command = plan

  variables {
    build_manifest = "tests/project.json"
    architecture   = "x86_64"
  }
}

run "every_resource_has_the_tags" {
  command = plan

  variables {
    build_manifest     = "tests/project.json"
    name               = "shop"
    tags               = { team = "jobs", application = "shop" }
    monthly_budget_usd = 10
    alarm_email        = "operator@example.com"
  }

  assert {
    condition     = aws_budgets_budget.this[0].tags == tomap({ application = "shop", stack = "shop", team = "jobs" }) && aws_s3_object.layer["project"].tags == aws_budgets_budget.this[0].tags
    error_message = "Without any tags of the provider; what the user says wins."
  }
}
