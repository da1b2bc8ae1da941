// One helper instead of a framework.

/** An element from HTML without any user input in it. */
export function element(html) {
  const template = document.createElement('template');
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}
