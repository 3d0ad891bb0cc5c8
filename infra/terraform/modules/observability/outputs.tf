output "topic_arn" {
  description = "The topic that alarms notify."
  value       = aws_sns_topic.this.arn
}

output "alarms" {
  description = "Alarm -> its description."
  value       = { for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.alarm_description }
}

output "topic_name" {
  description = "Its name."
  value       = aws_sns_topic.this.name
}
