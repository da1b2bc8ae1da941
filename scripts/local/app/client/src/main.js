// The router: four pages on client-side routes, so that deep links and reloads are exercised. One is a chunk
// of its own, as most of LibreChat's are: a page that was opened before a release still has to find it.
import './style.css';
import { chatPage } from './chat.js';
import { element } from './dom.js';
import { loginPage } from './login.js';
import logo from './logo.svg';

const root = document.getElementById('root');

const ROUTES = [
  [/^\/login$/, loginPage],
  [/^\/(?:c|chat)\/([^/]+)$/, chatPage],
  [/^\/about$/, lazy(() => import('./about.js'))],
];

/** A page that is loaded when it is first shown; until then, and if it does not arrive, a line says so. */
function lazy(load) {
  return (context) => {
    const placeholder = element('<main class="about"><p role="status">Loading …</p></main>');
    load()
      .then(({ default: page }) => placeholder.replaceWith(page(context)))
      .catch((error) => {
        placeholder.querySelector('p').textContent = `This page could not be loaded: ${error.message}`;
      });
    return placeholder;
  };
}

function navigate(path, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', path);
  render();
}

function render() {
  for (const [pattern, page] of ROUTES) {
    const match = pattern.exec(location.pathname);
    if (match) {
      root.replaceChildren(page({ logo, navigate, id: match[1] }));
      return;
    }
  }
  navigate('/c/new', { replace: true });
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-route]');
  if (link) {
    event.preventDefault();
    navigate(link.getAttribute('href'));
  }
});
addEventListener('popstate', render);
render();
