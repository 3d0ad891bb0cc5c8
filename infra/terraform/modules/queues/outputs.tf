output "urls" {
  description = "Queue name -> URL, the dead-letter queue among them."
  value       = merge({ for name, queue in aws_sqs_queue.this : name => queue.url }, { (var.dead_letter) = aws_sqs_queue.dead_letter.url })
}

output "arns" {
  description = "Queue name -> ARN, the dead-letter queue among them."
  value       = merge({ for name, queue in aws_sqs_queue.this : name => queue.arn }, { (var.dead_letter) = aws_sqs_queue.dead_letter.arn })
}
