locals {
  name = "${var.context.name}-api-${var.context.environment}"

  # Origin and credentials go together: a browser refuses "*" with cookies.
  cors_headers = {
    Access-Control-Allow-Origin      = var.allow_origin
    Access-Control-Allow-Methods     = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"
    Access-Control-Allow-Headers     = "Authorization,Content-Type,X-Requested-With,Last-Event-ID"
    Access-Control-Allow-Credentials = "true"
    Access-Control-Max-Age           = "600"
  }

  # https://docs.aws.amazon.com/apigateway/latest/developerguide/response-streaming-lambda-configure.html
  stream = {
    x-amazon-apigateway-integration = {
      type                 = "aws_proxy"
      httpMethod           = "POST"
      uri                  = "arn:aws:apigateway:${var.context.aws_region}:lambda:path/2021-11-15/functions/${var.function_arn}/response-streaming-invocations"
      responseTransferMode = "STREAM"
      timeoutInMillis      = 900000
    }
  }

  preflight = {
    responses = { "204" = {
      description = "CORS preflight"
      headers     = { for name in keys(local.cors_headers) : name => { schema = { type = "string" } } }
    } }
    x-amazon-apigateway-integration = {
      type             = "mock"
      requestTemplates = { "application/json" = jsonencode({ statusCode = 204 }) }
      responses = { default = {
        statusCode         = "204"
        responseParameters = { for name, value in local.cors_headers : "method.response.header.${name}" => "'${value}'" }
      } }
    }
  }
}

################################################################################
# REST API: one streaming proxy integration, described in OpenAPI (FR-009, FR-010, FR-018, FR-042)
#
# The body and not native methods: it says responseTransferMode with every version of the provider.
################################################################################

resource "aws_api_gateway_rest_api" "this" {
  name             = local.name
  description      = "LibreChat API with streamed responses"
  fail_on_warnings = true

  body = jsonencode({
    openapi = "3.0.1"
    info    = { title = local.name, version = "1.0" }
    paths = { for pattern in var.path_patterns : replace(pattern, "*", "{proxy+}") => {
      parameters                     = [{ name = "proxy", in = "path", required = true, schema = { type = "string" } }]
      options                        = local.preflight
      x-amazon-apigateway-any-method = local.stream
    } }
    # Never */*: the template of the MOCK integration would become binary.
    x-amazon-apigateway-binary-media-types = ["multipart/form-data", "application/octet-stream"]
  })

  # Regional: an edge-optimized endpoint drops a stream that is idle for 30 s.
  endpoint_configuration { types = ["REGIONAL"] }

  lifecycle { create_before_destroy = true }
}

################################################################################
# The one stage, which the distribution hides (FR-011)
################################################################################

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  triggers    = { body = sha1(aws_api_gateway_rest_api.this.body) }

  lifecycle { create_before_destroy = true }
}

resource "aws_api_gateway_stage" "default" {
  # REST APIs have no $default: a stage name takes letters, digits, - and _ only.
  stage_name    = "default"
  rest_api_id   = aws_api_gateway_rest_api.this.id
  deployment_id = aws_api_gateway_deployment.this.id
}

# For each method, and for all callers together: it bounds what strangers can start, not who they are.
resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.default.stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = var.throttling.rate
    throttling_burst_limit = var.throttling.burst
  }
}

# The one thing here that waits for the function.
resource "aws_lambda_permission" "api" {
  statement_id  = "AllowInvokeFromApiGateway"
  action        = "lambda:InvokeFunction"
  function_name = var.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.this.execution_arn}/${aws_api_gateway_stage.default.stage_name}/*/*"
}
