variable "name" {
  description = "The bucket's name, unique in the world."
  type        = string
}

variable "expire_days" {
  description = "Objects are deleted after so many days."
  type        = number
}

variable "lifecycle_on" {
  description = "Make the lifecycle; off only where an emulator's provider knows none."
  type        = bool
}

variable "kms_key_arn" {
  description = "A key of one's own, or null."
  type        = string
}

variable "protect" {
  description = "Refuse to delete the bucket while something is in it."
  type        = bool
}

variable "tags" {
  description = "Tags of every resource that takes some."
  type        = map(string)
}
