variable "prefix" {
  description = "Begins the queues' names."
  type        = string
}

variable "names" {
  description = "The queues."
  type        = set(string)
}

variable "dead_letter" {
  description = "The dead-letter queue under all of them."
  type        = string
}

variable "visibility_s" {
  description = "How long a received message stays hidden."
  type        = number
}

variable "retention_s" {
  description = "How long a message is kept."
  type        = number
}

variable "max_receive_count" {
  description = "Received so often, a message is given up."
  type        = number
}

variable "dead_letter_plan" {
  description = "The same of the dead-letter queue."
  type        = object({ visibility_s = number, retention_s = number })
}

variable "kms_key_arn" {
  description = "A key of one's own, or null."
  type        = string
}

variable "tags" {
  description = "Tags of every resource that takes some."
  type        = map(string)
}
