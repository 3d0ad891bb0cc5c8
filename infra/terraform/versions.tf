terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The version that the module was checked with, and newer ones: a root that embeds it has others' needs to meet.
      version = ">= 6.69.1, < 7.0.0"
    }
  }
}
