from docs.site.command import main

raise SystemExit(main())
