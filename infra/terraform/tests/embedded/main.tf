# A root that makes what it hands to the module in the same plan: no value of it is known yet.
resource "terraform_data" "new" {
  for_each = toset(["policy", "subnet", "group", "key", "identity", "certificate", "bucket", "parameter", "function", "topic"])
  input    = each.key
}

locals {
  new = { for name, made in terraform_data.new : name => made.id }
}

module "whendue" {
  source = "../.."

  build_manifest     = "${path.module}/../project.json"
  worker_policy_arns = { reports = "arn:aws:iam::123456789012:policy/${local.new.policy}" }
  worker_statements  = [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::${local.new.bucket}/*"] }]
  vpc                = { subnet_ids = [local.new.subnet], security_group_ids = [local.new.group] }
  task_environment   = { SHOP_BUCKET = local.new.bucket }
  secrets            = { SHOP_KEY = { ssm = "/shop/${local.new.parameter}" } }
  kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/${local.new.key}"
  email              = { from = "jobs@acme.example", identity_arns = ["arn:aws:ses:us-east-1:123456789012:identity/${local.new.identity}"] }
  sns_allow          = { "*" = ["arn:aws:sns:us-east-1:123456789012:${local.new.topic}"] }
  lambda_allow       = { "*" = ["arn:aws:lambda:us-east-1:123456789012:function:${local.new.function}"] }
  domain             = { name = "jobs.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/${local.new.certificate}" }
  tags               = { key = local.new.key }
}

output "functions" {
  description = "The functions' names."
  value       = module.whendue.functions
}
