# MiniStack or LocalStack (docs/operations/deploying.md): what their free editions do not know is left out.
emulator         = true
protect          = false
timer            = { by = "rule" }
bucket_lifecycle = false
observability    = false
