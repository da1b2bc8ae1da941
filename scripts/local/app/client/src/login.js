// The login page: a POST whose two cookies have to survive the path.
import { element } from './dom.js';

export function loginPage({ logo, navigate }) {
  const page = element(`
    <main class="login">
      <form class="card">
        <img src="${logo}" alt="" width="56" height="56" />
        <h1>Welcome back</h1>
        <label>Email<input name="email" type="email" value="you@example.org" required /></label>
        <label>Password<input name="password" type="password" value="p4rrot-7d41c0" required /></label>
        <button>Continue</button>
        <p role="alert"></p>
      </form>
    </main>`);
  page.querySelector('form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const response = await fetch('/api/auth/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(Object.fromEntries(new FormData(event.target))),
    });
    if (response.ok) {
      navigate('/c/new');
    } else {
      page.querySelector('[role=alert]').textContent = `Login failed with status ${response.status}`;
    }
  });
  return page;
}
