// The router: three pages on client-side routes, so that deep links and reloads are exercised.
import './style.css';
import { chatPage } from './chat.js';
import { loginPage } from './login.js';
import logo from './logo.svg';

const root = document.getElementById('root');

const ROUTES = [
  [/^\/login$/, loginPage],
  [/^\/(?:c|chat)\/([^/]+)$/, chatPage],
];

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
