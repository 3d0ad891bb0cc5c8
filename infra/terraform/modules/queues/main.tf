# Queues that give up on messages into one dead-letter queue.
resource "aws_sqs_queue" "dead_letter" {
  name                       = "${var.prefix}-${var.dead_letter}"
  visibility_timeout_seconds = var.dead_letter_plan.visibility_s
  message_retention_seconds  = var.dead_letter_plan.retention_s
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? true : null
  kms_master_key_id          = var.kms_key_arn
  tags                       = var.tags
}

resource "aws_sqs_queue" "this" {
  for_each = var.names

  name                       = "${var.prefix}-${each.key}"
  visibility_timeout_seconds = var.visibility_s
  message_retention_seconds  = var.retention_s
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? true : null
  kms_master_key_id          = var.kms_key_arn
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter.arn
    maxReceiveCount     = var.max_receive_count
  })
}

# Nobody else's queue may give up into ours.
resource "aws_sqs_queue_redrive_allow_policy" "this" {
  queue_url = aws_sqs_queue.dead_letter.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [for name in sort(var.names) : aws_sqs_queue.this[name].arn]
  })
}
