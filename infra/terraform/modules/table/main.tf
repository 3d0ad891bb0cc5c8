# The one table and its two indexes, the due index and the tenant index (ARCHITECTURE.md).
locals {
  indexes = concat(var.plan.indexes, var.keep_former_index ? [var.plan.former_index] : [])
}

resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_119:the key is the operator's choice (kms_key_arn); without one AWS's own key encrypts, at no cost
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = var.plan.key[0].name
  range_key                   = var.plan.key[1].name
  deletion_protection_enabled = var.protect
  tags                        = var.tags

  dynamic "attribute" {
    for_each = merge([for key in concat([var.plan.key], local.indexes[*].key) : { for attribute in key : attribute.name => attribute.type }]...)
    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = local.indexes
    content {
      name               = global_secondary_index.value.name
      hash_key           = global_secondary_index.value.key[0].name
      range_key          = global_secondary_index.value.key[1].name
      projection_type    = "INCLUDE"
      non_key_attributes = global_secondary_index.value.include

      dynamic "warm_throughput" {
        for_each = var.warm_throughput[*]
        content {
          read_units_per_second  = warm_throughput.value.reads_per_s
          write_units_per_second = warm_throughput.value.writes_per_s
        }
      }
    }
  }

  dynamic "warm_throughput" {
    for_each = var.warm_throughput[*]
    content {
      read_units_per_second  = warm_throughput.value.reads_per_s
      write_units_per_second = warm_throughput.value.writes_per_s
    }
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
