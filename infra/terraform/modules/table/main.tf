# The one table and its one index, the due index (ARCHITECTURE.md).
resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_119:the key is the operator's choice (kms_key_arn); without one AWS's own key encrypts, at no cost
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = var.plan.key[0].name
  range_key                   = var.plan.key[1].name
  deletion_protection_enabled = var.protect

  dynamic "attribute" {
    for_each = { for attribute in concat(var.plan.key, var.plan.index.key) : attribute.name => attribute.type }
    content {
      name = attribute.key
      type = attribute.value
    }
  }

  global_secondary_index {
    name               = var.plan.index.name
    hash_key           = var.plan.index.key[0].name
    range_key          = var.plan.index.key[1].name
    projection_type    = "INCLUDE"
    non_key_attributes = var.plan.index.include
  }

  ttl {
    enabled        = true
    attribute_name = var.plan.ttl
  }

  point_in_time_recovery {
    enabled = true
  }

  # Without a key of one's own it is encrypted with one that AWS owns.
  server_side_encryption {
    enabled     = var.kms_key_arn != null
    kms_key_arn = var.kms_key_arn
  }
}
