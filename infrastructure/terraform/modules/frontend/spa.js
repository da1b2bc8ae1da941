// CloudFront Function on the viewer's request: the client's own routes are index.html.
function handler(event) {
  const request = event.request;
  const lastSegment = request.uri.split('/').pop();
  if (!lastSegment.includes('.')) request.uri = '/index.html';
  return request;
}
